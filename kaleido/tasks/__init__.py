"""Downstream tasks (paper, section 4.3): retrieval, classification, captioning."""
