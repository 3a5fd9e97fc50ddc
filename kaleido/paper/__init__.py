"""The paper's experiments: what is trained for each row, at which scale, and tables."""
