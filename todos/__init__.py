"""The application that Coatcheck was made for: a todo list for each user.

It uses only what `coatcheck` exports, as any other application would. Somebody else's todo is a 404,
like one that does not exist.

Table: todos.
"""
