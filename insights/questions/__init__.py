"""Questions in plain English: text becomes a typed query or a question back, and the query becomes numbers and words."""
