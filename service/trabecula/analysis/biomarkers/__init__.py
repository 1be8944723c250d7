"""Measurements that need no training: CT attenuation, vertebral bone quality, vertebral heights."""
