"""Workbooks of spreadsheet programs: what stands in their sheets beside the values."""
