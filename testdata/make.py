#!/usr/bin/env python3
"""Makes the files beside it: plucked strings, computed from nothing. Needs flac and ffmpeg.

Deterministic but for the last bits of libm, and for the versions of the encoders.
"""

import math
import os
import random
import struct
import subprocess
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 24


def pluck(rate, hertz, seconds, bright, dice):
    """Karplus-Strong: a burst of noise going round a string that dampens it."""
    period = rate / hertz
    line = [dice.uniform(-1, 1) for _ in range(int(period))]
    for _ in range(bright):
        line = [(a + b) / 2 for a, b in zip(line, line[1:] + line[:1])]
    fraction, out, i = period - int(period), [], 0
    previous = 0.0
    loss = 0.5 * 0.9985 ** (220 / hertz)
    for _ in range(int(rate * seconds)):
        value = line[i]
        out.append(value)
        following = line[(i + 1) % len(line)]
        # The fraction of a sample that the line is too short tunes the string.
        line[i] = loss * ((1 - fraction) * (value + following) + fraction * (previous + value))
        previous = value
        i = (i + 1) % len(line)
    return out


def piece(rate, seconds):
    """Four chords, broken; bass on the beat; a melody above. Left and right differ a little."""
    dice = random.Random(7)
    left, right = [0.0] * int(rate * seconds), [0.0] * int(rate * seconds)

    def play(at, midi, length, gain, pan, bright):
        start = int(at * rate)
        hertz = 440 * 2 ** ((midi - 69) / 12)
        length = min(length, seconds - at)
        for k, value in enumerate(pluck(rate, hertz, length, bright, dice)):
            fade = min(1, (length * rate - k) / (0.05 * rate))
            left[start + k] += value * gain * (1 - pan) * fade
            right[start + k] += value * gain * pan * fade

    chords = [(45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62)]
    melody = [76, 74, 72, 71, 72, 74, 76, 79, 77, 76, 74, 72, 71, 67, 71, 74]
    beat = 0.375
    for bar in range(int(seconds / (8 * beat))):
        base, *notes = chords[bar % 4]
        at = bar * 8 * beat
        play(at, base, 3.0, 0.40, 0.45, 3)
        for k in range(8):
            play(at + k * beat, notes[(k * 2) % 3] + 12 * (k % 3 == 2), 1.5, 0.18, 0.25 + 0.5 * (k % 2), 2)
        for k in range(2 if bar else 0):
            play(at + k * 4 * beat, melody[(2 * bar + k) % 16], 1.5, 0.22, 0.6, 1)
    loudest = max(max(map(abs, left)), max(map(abs, right)))
    return [[value / loudest * 0.8 for value in plane] for plane in (left, right)]


def wav(path, rate, bits, planes):
    full, size = 2 ** (bits - 1) - 1, bits // 8
    data = b"".join(
        round(value * full).to_bytes(size, "little", signed=True) for frame in zip(*planes) for value in frame
    )
    block = size * len(planes)
    mask = {2: 3, 6: 0x3F}[len(planes)]
    guid = b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, len(planes), rate, rate * block, block, bits, 22, bits, mask) + guid
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(body)) + body)


def cover(path, size=240):
    """A PNG: the waves of a string, in colours."""
    rows = b""
    for y in range(size):
        rows += b"\0"
        for x in range(size):
            wave = math.sin(x / size * math.pi) * math.sin(3 * math.pi * x / size) * size * 0.3
            near = max(0, 1 - abs(y - size / 2 - wave) / 12)
            rows += bytes((int(30 + 200 * near), int(40 + 60 * y / size + 90 * near), int(90 + 100 * x / size)))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)))
        file.write(chunk(b"IEND", b""))


def main():
    def run(*command):
        subprocess.run(command, check=True)

    def ours(name):
        return os.path.join(HERE, name)

    def ffmpeg(source, name, *arguments):
        run("ffmpeg", "-v", "error", "-y", "-i", source, *arguments, "-bitexact", ours(name))

    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, "a.wav")
        picture = os.path.join(folder, "cover.png")
        cover(picture)
        music = piece(44100, SECONDS)
        wav(temporary, 44100, 16, music)
        tags = ["TITLE=Strings from Nothing", "ARTIST=tonepress", "ALBUM=Test Data", "TRACKNUMBER=1", "DATE=2026"]
        run("flac", "-s", "-f", "-8", *(f"--tag={tag}" for tag in tags), f"--picture={picture}",
            "-o", ours("strings.flac"), temporary)

        short = [plane[: 44100 * 3 // 2] for plane in music]
        wav(temporary, 44100, 16, short)
        title = ("-metadata", "title=Strings, the beginning")
        ffmpeg(temporary, "short.m4a", "-c:a", "alac", *title)
        ffmpeg(temporary, "short.caf", "-c:a", "alac", *title)
        ffmpeg(temporary, "short.aiff", "-c:a", "pcm_s16be", "-write_id3v2", "1", *title)
        run("flac", "-s", "-f", "-8", "--ogg", "--serial-number=1", "--tag=TITLE=Strings, the beginning",
            "-o", ours("short.oga"), temporary)
        high = [plane[:144000] for plane in piece(96000, 3)]
        wav(temporary, 96000, 24, high)
        run("flac", "-s", "-f", "-8", "--tag=TITLE=Strings, the beginning", "-o", ours("short-24-96.flac"), temporary)
        # Six channels: the front as it is, the centre mixed, a low tone, the surround late and soft.
        left, right = (plane[:22050] for plane in short)
        centre = [(a + b) / 2 for a, b in zip(left, right)]
        low = [0.2 * math.sin(2 * math.pi * 50 * k / 44100) for k in range(len(left))]
        late = [[0.0] * 1000 + [0.5 * value for value in plane[:-1000]] for plane in (left, right)]
        wav(ours("short-5.1.wav"), 44100, 16, [left, right, centre, low, *late])


main()
