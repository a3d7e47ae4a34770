"""The report: one self-contained HTML page of a whole run.

It reads the files of the results folder and nothing else: tables go in, a string of HTML comes out. ``page``
puts the page together, ``results`` reads the files, the others turn tables into what the templates show.
"""
