"""The scheduling system of a diplomatic and civic programme."""

__version__ = "0.4.0"
