"""`loglin explore`: from a file of one's own to a page that says what a model learned of it.

`files` reads, `coding` makes codes, `training` trains models and draws samples, `findings` selects
features and describes their patterns, `page` and `outputs` write it all down, `command` does these
one after the other.
"""
