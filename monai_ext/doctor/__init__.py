"""Looks at an installation and its data and says what is wrong and what to do; nothing is changed.

Nothing is imported here, so that :mod:`.broken_install` works where the packages of the other modules do not.
"""
