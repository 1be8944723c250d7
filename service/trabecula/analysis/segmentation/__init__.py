"""Segmenters: adapters that name and outline vertebral bodies, and pictures of what they found."""
