"""Training, evaluation and export of the product's models: the way of a cohort from its table to a bundle.

The service never imports it, so that a hospital's host needs none of its heavy packages; it imports the service, so
that features of training and of the service come from one function.
"""
