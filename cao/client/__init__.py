"""The same operations from another process: over HTTP, typed (`remote`) or bare and quick to start (`wire`).

Generated here: `facade.py`, the typed interface, and `catalog.json`, what the command line knows of the operations.
"""
