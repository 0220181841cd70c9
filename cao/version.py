"""The version of the distribution. Kept here and not read from metadata, which costs milliseconds at every start."""

VERSION = "0.1.0"
