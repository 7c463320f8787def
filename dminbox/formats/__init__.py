"""Dates as each language writes them. Django's names mean the same here; the others are our own:

DAY_FORMAT            Friday, 21 November 2025
SHORT_DAY_FORMAT      21 Nov (of this year)
"""
