"""Plugins of LocalStack's free core for scripts/rehearse: resources of the template that it does not have, and functions without Docker.

LocalStack finds them through tosspay_rehearsal-1.dist-info/entry_points.txt, which lies beside this folder on PYTHONPATH.
"""
