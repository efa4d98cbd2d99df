"""Messages as eight families of devices send them, and what a person would want a proposal to make of each.

The payloads are our own, written from the shapes that the named documentation describes.
"""
