"""Trained models: bundles found and verified, which of them are active, and their answers on what was measured.

A scorer answers or abstains with a reason; outside the training range it abstains. Features and crops are made by the
same functions for training and service. Which model may decide is the verdict's business (``analysis``), not a
scorer's.
"""
