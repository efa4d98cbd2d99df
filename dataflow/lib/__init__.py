"""The small library that every room may use."""
