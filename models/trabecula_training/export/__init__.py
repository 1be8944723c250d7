"""A sound run as a bundle for the service: refit, one ONNX graph, parity gate, manifest and card.

Nothing is exported that was not validated; refusals come before any file is written.
"""
