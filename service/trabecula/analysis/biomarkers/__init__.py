"""Measurements that need no training: CT attenuation, vertebral bone quality, vertebral heights.

Each takes bodies and regions and gives numbers with their unit; what a number means is decided elsewhere. A
definition that changes gets a new version in its name, so that no two numbers of one name are made differently.
"""
