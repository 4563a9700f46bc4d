"""A service that counts words."""

import platform

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def index():
    return {"service": "words", "python": platform.python_version()}


@app.post("/count")
def count():
    counts = {}
    for word in request.get_data(as_text=True).lower().split():
        counts[word] = counts.get(word, 0) + 1
    return counts
