"use strict";

const express = require("express");
const helmet = require("helmet");

const notes = [];
const app = express();
app.use(helmet());
app.use(express.json());

app.get("/", (_request, response) => {
  response.json({ service: "notes", node: process.versions.node, notes: notes.length });
});

app.get("/notes", (_request, response) => {
  response.json(notes);
});

app.post("/notes", (request, response) => {
  const { text } = request.body ?? {};
  if (typeof text !== "string" || text === "") {
    response.status(400).json({ error: "a note has a text" });
    return;
  }
  notes.push({ id: notes.length + 1, text });
  response.status(201).json(notes.at(-1));
});

const server = app.listen(process.env.PORT ?? 8080, () => {
  console.log(`listening on port ${server.address().port}`);
});

process.on("SIGTERM", () => server.close());
