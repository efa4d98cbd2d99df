"""Questions in plain English: text becomes a typed query or a question back, the query numbers and words."""
