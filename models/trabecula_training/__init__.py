"""Training, evaluation and export of the product's models; never imported by the service."""
