"""What a trained model says of itself: the manifest of a bundle, its endpoints, and the order of its features.

Kept apart from results because training writes these and the service only reads them. JSON is read strictly: what
does not fit is a BundleInvalid that names the field.
"""
