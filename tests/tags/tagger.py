"""Writes tags into masters and reads them from masters and MP3s, through mutagen, an implementation of its own.

    tagger.py write FILE < tags.json      tagger.py read FILE > tags.json

Tags are {"texts": {NAME: [value…]}, "pictures": [[kind, mime, description, data in hex]…], "lyrics": [[line, ms]…],
"links": {FRAME: url}}, with the names that Vorbis comments have.
"""

import base64
import json
import sys

import mutagen
import mutagen.flac
import mutagen.id3 as id3
import mutagen.mp4

TEXT_FRAMES = {
    "TITLE": "TIT2", "SUBTITLE": "TIT3", "ARTIST": "TPE1", "ALBUM": "TALB", "ALBUMARTIST": "TPE2", "GENRE": "TCON",
    "DATE": "TDRC", "ORIGINALDATE": "TDOR", "COMPOSER": "TCOM", "LYRICIST": "TEXT", "CONDUCTOR": "TPE3",
    "REMIXER": "TPE4", "ISRC": "TSRC", "LABEL": "TPUB", "COPYRIGHT": "TCOP", "BPM": "TBPM", "KEY": "TKEY",
    "LANGUAGE": "TLAN", "COMPILATION": "TCMP", "TITLESORT": "TSOT", "ARTISTSORT": "TSOP", "ALBUMSORT": "TSOA",
    "ALBUMARTISTSORT": "TSO2", "COMPOSERSORT": "TSOC", "GROUPING": "TIT1", "MOOD": "TMOO",
}
USER_FRAMES = {
    "MUSICBRAINZ_ALBUMID": "MusicBrainz Album Id", "MUSICBRAINZ_ARTISTID": "MusicBrainz Artist Id",
    "MUSICBRAINZ_ALBUMARTISTID": "MusicBrainz Album Artist Id",
    "MUSICBRAINZ_RELEASEGROUPID": "MusicBrainz Release Group Id",
}
ROLES = {"PRODUCER": "producer", "ENGINEER": "engineer", "ARRANGER": "arranger", "MIXER": "mix", "DJMIXER": "DJ-mix"}
ATOMS = {
    "TITLE": "\xa9nam", "ARTIST": "\xa9ART", "ALBUM": "\xa9alb", "ALBUMARTIST": "aART", "GENRE": "\xa9gen",
    "DATE": "\xa9day", "COMPOSER": "\xa9wrt", "COPYRIGHT": "cprt", "COMMENT": "\xa9cmt", "LYRICS": "\xa9lyr",
    "TITLESORT": "sonm", "ARTISTSORT": "soar", "ALBUMSORT": "soal", "ALBUMARTISTSORT": "soaa",
    "COMPOSERSORT": "soco", "GROUPING": "\xa9grp",
}
FREE_FORM = {
    **USER_FRAMES, "MUSICBRAINZ_TRACKID": "MusicBrainz Track Id", "KEY": "initialkey",
}
MUSICBRAINZ = "http://musicbrainz.org"


def pairs(texts):
    """Numbers and totals."""
    for frame, atom, number, total in (("TRCK", "trkn", "TRACKNUMBER", "TRACKTOTAL"), ("TPOS", "disk", "DISCNUMBER", "DISCTOTAL")):
        if number in texts:
            yield frame, atom, texts.pop(number)[0], texts.pop(total, ["0"])[0]


def write_id3(tags, wanted):
    texts = dict(wanted["texts"])
    for frame, _, number, total in pairs(texts):
        tags.add(getattr(id3, frame)(encoding=3, text=f"{number}/{total}"))
    people = []
    for name, values in texts.items():
        if name in TEXT_FRAMES:
            tags.add(getattr(id3, TEXT_FRAMES[name])(encoding=3, text=values))
        elif name == "COMMENT":
            tags.add(id3.COMM(encoding=3, lang="eng", desc="", text=values))
        elif name == "LYRICS":
            tags.add(id3.USLT(encoding=3, lang="eng", desc="", text=values[0]))
        elif name == "MUSICBRAINZ_TRACKID":
            tags.add(id3.UFID(owner=MUSICBRAINZ, data=values[0].encode()))
        elif name == "PERFORMER":
            split = [value.rstrip(")").rsplit(" (", 1) for value in values]
            tags.add(id3.TMCL(encoding=3, people=[[role, who] for who, role in split]))
        elif name in ROLES:
            people += [[ROLES[name], value] for value in values]
        else:
            tags.add(id3.TXXX(encoding=3, desc=USER_FRAMES.get(name, name), text=values))
    if people:
        tags.add(id3.TIPL(encoding=3, people=people))
    for kind, mime, description, data in wanted["pictures"]:
        tags.add(id3.APIC(encoding=3, type=kind, mime=mime, desc=description, data=bytes.fromhex(data)))
    if wanted["lyrics"]:
        tags.add(id3.SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=[tuple(line) for line in wanted["lyrics"]]))
    for frame, url in wanted["links"].items():
        tags.add(getattr(id3, frame)(url=url))


def flac_picture(picture):
    made = mutagen.flac.Picture()
    made.type, made.mime, made.desc, made.data = picture[0], picture[1], picture[2], bytes.fromhex(picture[3])
    return made


def write_mp4(tags, wanted):
    texts = dict(wanted["texts"])
    for _, atom, number, total in pairs(texts):
        tags[atom] = [(int(number), int(total))]
    if "BPM" in texts:
        tags["tmpo"] = [int(texts.pop("BPM")[0])]
    if "COMPILATION" in texts:
        tags["cpil"] = texts.pop("COMPILATION") == ["1"]
    for name, values in texts.items():
        if name in ATOMS:
            tags[ATOMS[name]] = values
        else:
            key = f"----:com.apple.iTunes:{FREE_FORM.get(name, name)}"
            tags[key] = [mutagen.mp4.MP4FreeForm(value.encode()) for value in values]
    formats = {"image/jpeg": mutagen.mp4.MP4Cover.FORMAT_JPEG, "image/png": mutagen.mp4.MP4Cover.FORMAT_PNG}
    covers = [picture for picture in wanted["pictures"] if picture[0] == 3]
    if covers:
        tags["covr"] = [mutagen.mp4.MP4Cover(bytes.fromhex(c[3]), imageformat=formats[c[1]]) for c in covers]


def write(path, wanted):
    file = mutagen.File(path)
    if path.endswith((".flac", ".oga")):
        if file.tags is None:
            file.add_tags()
        file.tags.clear()
        if path.endswith(".flac"):
            file.clear_pictures()
        for name, values in wanted["texts"].items():
            file.tags[name] = values
        for picture in wanted["pictures"]:
            if path.endswith(".oga"):
                encoded = base64.b64encode(flac_picture(picture).write()).decode()
                file.tags.append(("METADATA_BLOCK_PICTURE", encoded))
            else:
                file.add_picture(flac_picture(picture))
        file.save()
    elif isinstance(file, mutagen.mp4.MP4):
        if file.tags is None:
            file.add_tags()
        file.tags.clear()
        write_mp4(file.tags, wanted)
        file.save()
    else:
        if file.tags is None:
            file.add_tags()
        file.tags.clear()
        write_id3(file.tags, wanted)
        file.save()


def add(texts, name, values):
    texts.setdefault(name, []).extend(str(value) for value in values)


def read_id3(tags, result):
    texts = result["texts"]
    names = {frame: name for name, frame in TEXT_FRAMES.items()}
    users = {description: name for name, description in USER_FRAMES.items()}
    roles = {role: name for name, role in ROLES.items()}
    for frame in tags.values():
        kind = frame.FrameID
        if kind in ("TRCK", "TPOS"):
            what = {"TRCK": "TRACK", "TPOS": "DISC"}[kind]
            number, _, total = frame.text[0].partition("/")
            add(texts, what + "NUMBER", [number])
            if total:
                add(texts, what + "TOTAL", [total])
        elif kind == "TXXX":
            add(texts, users.get(frame.desc, frame.desc), frame.text)
        elif kind == "COMM":
            add(texts, "COMMENT", frame.text)
        elif kind == "USLT":
            add(texts, "LYRICS", [frame.text])
        elif kind == "UFID" and frame.owner == MUSICBRAINZ:
            add(texts, "MUSICBRAINZ_TRACKID", [frame.data.decode()])
        elif kind in ("TMCL", "TIPL", "IPLS"):
            for role, who in frame.people:
                known = roles.get(role)
                add(texts, known or "PERFORMER", [who if known or role == "performer" else f"{who} ({role})"])
        elif kind == "APIC":
            result["pictures"].append([int(frame.type), frame.mime, frame.desc.rstrip(), frame.data.hex()])
        elif kind == "SYLT":
            assert frame.format == 2
            result["lyrics"] += [list(line) for line in frame.text]
        elif kind.startswith("W"):
            result["links"][kind] = frame.url
        elif kind != "TSSE":
            add(texts, names[kind], frame.text)


def read_mp4(tags, result):
    texts = result["texts"]
    names = {atom: name for name, atom in ATOMS.items()}
    free = {free_form: name for name, free_form in FREE_FORM.items()}
    for key, values in tags.items():
        if key in ("trkn", "disk"):
            what = {"trkn": "TRACK", "disk": "DISC"}[key]
            add(texts, what + "NUMBER", [values[0][0]])
            if values[0][1]:
                add(texts, what + "TOTAL", [values[0][1]])
        elif key == "tmpo":
            add(texts, "BPM", values)
        elif key == "cpil":
            add(texts, "COMPILATION", [int(values)])
        elif key == "covr":
            mimes = {13: "image/jpeg", 14: "image/png"}
            kinds = [3] + [0] * len(values)
            result["pictures"] += [[k, mimes[c.imageformat], "", bytes(c).hex()] for k, c in zip(kinds, values)]
        elif key.startswith("----"):
            name = key.split(":", 2)[2]
            add(texts, free.get(name, name), [bytes(value).decode() for value in values])
        elif key != "\xa9too":
            add(texts, names[key], values)


def read(path):
    file = mutagen.File(path)
    result = {"texts": {}, "pictures": [], "lyrics": [], "links": {}}
    if isinstance(file, mutagen.mp4.MP4):
        read_mp4(file.tags, result)
    elif isinstance(file.tags, id3.ID3):
        result["version"] = f"2.{file.tags.version[1]}"
        read_id3(file.tags, result)
    else:
        pictures = list(getattr(file, "pictures", []))
        for name, value in file.tags or []:
            if name.upper() == "METADATA_BLOCK_PICTURE":
                pictures.append(mutagen.flac.Picture(base64.b64decode(value)))
            else:
                add(result["texts"], name, [value])
        result["pictures"] += [[p.type, p.mime, p.desc, p.data.hex()] for p in pictures]
    return result


if sys.argv[1] == "write":
    write(sys.argv[2], json.load(sys.stdin))
else:
    json.dump(read(sys.argv[2]), sys.stdout)
