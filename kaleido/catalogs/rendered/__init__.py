"""A catalogue of drawn fashion products, the data set that needs no download."""

from kaleido.catalogs.rendered.catalog import RENDERER_VERSION, RenderedCatalog

__all__ = ["RENDERER_VERSION", "RenderedCatalog"]
