"""
Python's own C code at work: parsing and printing JSON, regular expressions, sorting with callbacks, compression, big
numbers, classes, generators, exceptions, imports, compiling source, threads. Prints `ready`, works from the next line on
stdin to the one after, and prints `done`.
"""
import array, bisect, collections, ctypes, datetime, decimal, functools, hashlib, heapq, io, itertools, json, os, pickle
import random, re, select, sqlite3, string, struct, sys, textwrap, threading, zlib
import xml.etree.ElementTree as ElementTree

numbers = random.Random(1)


def document(depth):
    if depth == 0:
        return numbers.choice([1, 2.5, "text", None, True, [1, 2, 3]])
    return {numbers.choice(string.ascii_letters) * 9: document(depth - 1) for _ in range(3)}


def as_json():
    text = json.dumps(document(4), indent=1)
    assert json.dumps(json.loads(text), indent=1) == text
    json.dumps(document(3), default=str)


def expressions():
    text = " ".join(numbers.choice(["alpha", "beta12", "x-ray", "9.75"]) for _ in range(200))
    re.sub(r"(\w+)-(\w+)", lambda match: match.group(2).upper() * 40, text)
    re.findall(r"(?P<word>[a-z]+)(\d*)", text)
    re.compile("|".join("w%d[a-f]*" % numbers.randrange(10**6) for _ in range(20)))


def sorting():
    values = [str(numbers.randrange(10**9)) * 20 for _ in range(200)]
    sorted(values, key=lambda value: value[::-1] + value)
    sorted(values, key=functools.cmp_to_key(lambda a, b: (a + b > b + a) - (a + b < b + a)))
    heapq.nsmallest(9, values, key=len)


def binary():
    data = pickle.dumps({"values": list(range(500)), "text": "x" * 2000})
    pickle.loads(zlib.decompress(zlib.compress(data)))
    hashlib.sha256(data).hexdigest()
    struct.pack("<500i", *range(500))
    array.array("d", range(3000)) * 2
    str(3**2000) + str(decimal.Decimal(2).sqrt())


class Node:
    __slots__ = ("left", "right", "text")

    def __init__(self, depth):
        self.text = "n" * (600 + depth)
        self.left = Node(depth - 1) if depth else None
        self.right = Node(depth - 1) if depth else None

    def __repr__(self):
        return "(%r %r)" % (self.left, self.right)


def objects():
    repr(Node(5))
    collections.Counter("a b c".split() * 300).most_common()
    list(itertools.permutations(range(5)))
    try:
        Node("none")
    except TypeError as error:
        str(error)


def source():
    exec(compile("def f(a, b=%d):\n  return [x * a for x in range(b)]\nf(2)" % numbers.randrange(90), "made", "exec"), {})


def libraries():
    root = ElementTree.fromstring("<a>" + "<b c='d'>text</b>" * 50 + "</a>")
    ElementTree.tostring(root)
    with sqlite3.connect(":memory:") as database:
        database.create_function("twice", 1, lambda value: value * 2)
        database.execute("create table t (a, b)")
        database.executemany("insert into t values (?, ?)", [(i, "x" * i) for i in range(100)])
        database.execute("select twice(b), count(*) from t group by a % 7 order by 1").fetchall()
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(
        lambda a, b: len("%d" % a[0] * 300) * 0 + a[0] - b[0])
    values = (ctypes.c_int * 9)(*[numbers.randrange(99) for _ in range(9)])
    ctypes.CDLL(None).qsort(values, 9, 4, callback)


JOBS = [as_json, expressions, sorting, binary, objects, source, libraries]
stopped = False


def in_thread():
    while not stopped:
        numbers.choice(JOBS[:6])()


print("ready", flush=True)
os.read(0, 1)
thread = threading.Thread(target=in_thread)
thread.start()
while not select.select([0], [], [], 0)[0]:
    numbers.choice(JOBS)()
stopped = True
thread.join()
print("done")
