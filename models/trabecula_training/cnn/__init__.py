"""Training of models of images: crops of vertebral bodies, networks, their training, validation and export."""
