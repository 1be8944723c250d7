"""Training of models of images: crops of vertebral bodies, networks, their training, validation and export.

Needs the extra ``cnn`` (torch, MONAI), which the service never installs; everything is imported when a recipe over
images is asked for. Crops are cut by the service's own function.
"""
