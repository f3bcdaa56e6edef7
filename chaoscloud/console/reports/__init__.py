"""Documents to hand over: whole HTML files, for people who have no console.

Below the pages and the API, which both give them out, and so does the operator's command.
"""
