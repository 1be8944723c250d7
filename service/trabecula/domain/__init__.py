"""The language of the product: frozen types and pure rules; no I/O, nothing third-party but numpy."""
