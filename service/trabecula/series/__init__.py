"""Which stack of a study is measured, in which role (CT, T1w, T2w), and why each other one is not.

Physics refuses, words only rank: a series named "Thorax" or "POST OP" may hold a lumbar spine, and the segmentation
decides whether it does. Every rule that refuses stands in one table (``rules``) and gives one coded reason.
"""
