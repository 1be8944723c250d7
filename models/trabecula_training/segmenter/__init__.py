"""The segmenter's generator of images, its network, training, export and evaluation."""
