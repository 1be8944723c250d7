"""The language of the product: frozen types and pure rules; no I/O, nothing third-party but numpy.

Every other room speaks these words, so a name means one thing here. ``ports`` says what use cases need of the world,
``results`` what is said of a study, ``study`` what was received, ``models`` what trained models say of themselves. A
failure that an operator can see is a class of ``errors``.
"""
