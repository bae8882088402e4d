"""What the workers of examples/python_workers.ts run: pictures as arrays of numpy, one picture at a time."""

import struct
import zlib

import numpy as np

#: Colours of the fractal, by how soon a point escapes; made once in each worker, by `prepare`.
palette = np.empty((0, 3), np.uint8)


def prepare(colours):
    """The initializer: what every picture needs, and takes a while to make or load."""
    global palette
    at = np.linspace(0, 1, colours)[:, None]
    waves = 0.5 + 0.5 * np.cos(2 * np.pi * (np.array([1.0, 0.8, 0.6]) * at + np.array([0.55, 0.45, 0.3])))
    palette = (255 * waves * np.minimum(1, 6 * at + 0.15)).astype(np.uint8)


def fractal(x, y, scale, size):
    """A part of the Mandelbrot set as a PNG: `size` × `size` pixels around (x, y), `scale` wide."""
    if not (16 <= size <= 2048 and 1e-12 < scale <= 8):
        raise ValueError("size must be 16 to 2048, and scale more than 0 and at most 8")
    across = np.linspace(-scale / 2, scale / 2, size)
    points = ((x + across)[None, :] + 1j * (y - across)[:, None]).ravel()
    inside = np.arange(points.size)
    values = points.copy()
    steps = np.zeros(points.size, int)  # 0: it never escapes
    for step in range(1, len(palette)):
        values = values * values + points
        stays = values.real**2 + values.imag**2 <= 4
        steps[inside[~stays]] = step
        inside, points, values = inside[stays], points[stays], values[stays]
    picture = palette[-steps]
    picture[steps == 0] = 0
    return png(picture.reshape(size, size, 3))


def reduce_colours(pixels, width, height, count):
    """A picture of RGBA pixels in `count` colours, as a PNG: the colours that k-means finds."""
    if not 2 <= count <= 64:
        raise ValueError("the number of colours must be 2 to 64")
    picture = np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[:, :, :3].reshape(-1, 3).astype(np.float32)
    some = picture[:: max(1, len(picture) // 20_000)]
    centres = np.repeat(some[:1], count, axis=0)
    distances = np.full(len(some), np.inf, np.float32)
    for i in range(count):  # each begins as far from those before it as possible
        centres[i] = some[distances.argmax()]
        distances = np.minimum(distances, ((some - centres[i]) ** 2).sum(axis=1))
    for _ in range(12):
        nearest = nearest_of(some, centres)
        for i in range(count):
            mine = some[nearest == i]
            if len(mine) > 0:
                centres[i] = mine.mean(axis=0)
    reduced = centres.round().astype(np.uint8)[nearest_of(picture, centres)]
    return png(reduced.reshape(height, width, 3))


def nearest_of(points, centres):
    """For each point, the index of the nearest centre."""
    # |p - c|² without |p|², which is the same for all centres.
    return ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)


def png(picture):
    """The bytes of a PNG of an array of shape (height, width, 3)."""
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # a 0 before each row: it is not filtered
    rows[:, 1:] = picture.reshape(height, -1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    image = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", image) + chunk(b"IEND", b"")
