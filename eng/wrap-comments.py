#!/usr/bin/env python3
"""Wraps the comment lines of C# files that are longer than 120 columns; prints the long code lines it leaves to you.

    eng/wrap-comments.py src/Kv.Raft/*.cs
"""
import re
import sys

COLUMNS = 120
COMMENT = re.compile(r"^(\s*///?)(?!/)\s(.*)$")
# What carries on the sentence of the line before, rather than starting something of its own.
CONTINUATION = re.compile(r"^(\s*///?)(?!/)\s([a-z(`].*|<see [^>]*>.*)$")
# A tag such as <see cref="X"/> is one word.
WORD = re.compile(r"(?:<[^<>]*>|[^\s<]|<(?=[^<>]*$)|<(?=\s))+")


def fill(prefix, text):
    lines, line = [], prefix
    for word in WORD.findall(text):
        if line != prefix and len(line) + 1 + len(word) > COLUMNS:
            lines.append(line)
            line = prefix
        line += " " + word
    return lines + [line]


def wrap(path):
    """Rewrites the file if a comment was too long; returns the numbers of the code lines that stay so."""
    with open(path, encoding="utf-8") as file:
        before = file.read()
    lines = before.split("\n")
    output, too_long = [], []
    for i, line in enumerate(lines):
        comment = COMMENT.match(line)
        if len(line) <= COLUMNS or not comment:
            if len(line) > COLUMNS:
                too_long.append(i + 1)
            output.append(line)
            continue

        prefix, text = comment.groups()
        summary = re.match(r"^<summary>(.*)</summary>$", text)
        if summary:
            output += [prefix + " <summary>", *fill(prefix, summary.group(1)), prefix + " </summary>"]
            continue

        filled = fill(prefix, text)
        following = CONTINUATION.match(lines[i + 1]) if i + 1 < len(lines) else None
        if following and following.group(1) == prefix and not text.endswith(">"):
            lines[i + 1] = filled.pop() + " " + following.group(2)
        output += filled

    after = "\n".join(output)
    if after != before:
        with open(path, "w", encoding="utf-8") as file:
            file.write(after)
    return too_long


def main(paths):
    left = 0
    for path in paths:
        for line in wrap(path):
            print(f"{path}:{line}: code over {COLUMNS} columns")
            left += 1
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
