"""What a definition must keep beyond its form, one module for each subject; `check.py` asks them all."""
