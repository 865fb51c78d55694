#!/usr/bin/env python3
"""Prints a recording as JSON, one event a line. Usage: read_recording.py FILE

Made from docs/recording-format.md alone, as a check that the page is complete. Shares nothing with leakline. Numbers
of 64 bits (u64, i64) are printed as decimal strings. Damage is the last line: {"damage": "..."}.
"""

import json
import sys
import zlib

MAX_PAYLOAD = 67_108_864
MAX_PID = 2**22
MAX_NUMBER = 2**20
MAX_TIME = 8_640_000_000_000_000


class Damage(Exception):
    pass


class Payload:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damage("fields run past the payload's end")
        self.at += count
        return self.data[self.at - count : self.at]

    def uint(self, maximum=2**53 - 1):
        value = 0
        for shift in range(0, 12 * 7, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if value > maximum:
                    raise Damage(f"{value} is more than {maximum}")
                return value
        raise Damage("a uint of more than 12 bytes")

    def u64(self):
        return str(int.from_bytes(self.take(8), "little"))

    def i64(self):
        return str(int.from_bytes(self.take(8), "little", signed=True))

    def text(self):
        return self.take(self.uint()).decode("utf-8", "replace")

    def time(self):
        return self.uint(MAX_TIME)

    def pid(self):
        return self.uint(MAX_PID)

    def number(self):
        return self.uint(MAX_NUMBER)

    def list_of(self, element):
        count = self.uint(2**20)
        if count > len(self.data) - self.at:
            raise Damage("a list longer than the payload")
        return [element() for _ in range(count)]

    def one_of(self, count):
        return self.uint(count - 1)

    def segment(self):
        return {
            "offset": self.uint(),
            "file size": self.uint(),
            "address": self.i64(),
            "memory size": self.uint(),
            "flags": self.uint(),
        }

    def mapping(self):
        return {
            "start": self.u64(),
            "end": self.u64(),
            "offset": self.uint(),
            "file": self.uint(MAX_NUMBER + 1),
            "label": self.text(),
        }

    def total(self):
        return {
            "stack": self.number(),
            "bytes": self.uint(),
            "blocks": self.uint(),
            "allocated bytes": self.uint(),
            "allocated blocks": self.uint(),
        }


def start(p):
    return {"time": p.time(), "leakline": p.text(), "architecture": p.text(), "kernel": p.text()}


def process(p):
    return {"time": p.time(), "pid": p.pid(), "start": p.uint(), "name": p.text(), "executable": p.text()}


def file(p):
    return {
        "file": p.number(),
        "path": p.text(),
        "device major": p.uint(),
        "device minor": p.uint(),
        "inode": p.u64(),
        "build ID": p.text(),
        "segments": p.list_of(p.segment),
    }


def mappings(p):
    return {"time": p.time(), "pid": p.pid(), "mappings": p.list_of(p.mapping)}


def stack(p):
    return {
        "stack": p.number(),
        "pid": p.pid(),
        "class": p.one_of(2),
        "end": p.one_of(6),
        "addresses": p.list_of(p.u64),
    }


def interval(p):
    return {
        "time": p.time(),
        "totals": p.list_of(p.total),
        "dropped blocks": p.uint(),
        "dropped stacks": p.uint(),
        "dropped threads": p.uint(),
        "missed frees": p.uint(),
        "unmatched frees": p.uint(),
        "abandoned calls": p.uint(),
    }


def end(p):
    return {"time": p.time(), "reason": p.text()}


def exit(p):
    return {"time": p.time(), "pid": p.pid()}


EVENTS = {1: start, 2: process, 3: file, 4: mappings, 5: stack, 6: interval, 7: end, 8: exit}


def read(data):
    """Yields (event name, fields), and ("damage", what) when it cannot go on."""
    if data[:8] != b"LEAKLINE":
        sys.exit("not a recording")
    version = int.from_bytes(data[8:12], "little")
    if len(data) < 12 or version != 1:
        sys.exit(f"version {version} is not known")
    at = 12
    while at < len(data):
        try:
            header = data[at : at + 12]
            if len(header) < 12:
                raise Damage("a chunk header is cut off")
            kind, length, checksum = (int.from_bytes(header[i : i + 4], "little") for i in (0, 4, 8))
            if length > MAX_PAYLOAD:
                raise Damage("a payload of more than 64 MiB")
            payload = data[at + 12 : at + 12 + length]
            if len(payload) < length:
                raise Damage("a chunk is cut off")
            if zlib.crc32(header[:8] + payload) != checksum:
                raise Damage("a wrong checksum")
            event = EVENTS.get(kind)
            if event:
                yield event.__name__, event(Payload(payload))
        except Damage as damage:
            yield "damage", f"{damage}, at byte {at}"
            return
        at += 12 + length


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as recording:
        for name, fields in read(recording.read()):
            print(json.dumps({name: fields}))
