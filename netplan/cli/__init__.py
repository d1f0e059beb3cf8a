"""The command line: words, options, screens and exit codes, and no decision about a node.

It may import every other package.
"""
