"""Pictures drawn for the demo: avatars and the photos a lamp maker gets; the same name gives the same bytes."""

from __future__ import annotations

import colorsys
import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Colour = tuple[int, int, int]
Scene = Callable[[Image.Image, random.Random], None]

WARM: Colour = (255, 214, 140)
INK: Colour = (52, 48, 46)
BRASS: Colour = (196, 154, 84)
OVERSAMPLE = 2
"""Shapes are drawn this much larger and then reduced, which smooths their edges."""


def colour(hue: float, saturation: float, lightness: float) -> Colour:
    """Hue in degrees, the others from 0 to 1."""
    red, green, blue = colorsys.hls_to_rgb((hue % 360) / 360, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    return ImageOps.colorize(Image.linear_gradient("L"), top, bottom).resize(size, Image.Resampling.NEAREST)


def glow(image: Image.Image, centre: tuple[float, float], radius: float, tint: Colour = WARM) -> None:
    """Light around `centre` (shares of width and height); `radius` is a share of the height."""
    side = max(2, int(radius * image.height * 2))
    # Pillow's gradient has reached 181 where its circle touches the edges of the square
    mask = Image.radial_gradient("L").point(lambda level: max(0.0, 181 - level) * 1.2).resize((side, side))
    corner = int(centre[0] * image.width - side / 2), int(centre[1] * image.height - side / 2)
    image.paste(Image.new("RGB", (side, side), tint), corner, mask)


class Pen:
    """Draws in shares of the picture: (0, 0) is the top left corner, (1, 1) the bottom right one."""

    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)
        self.width, self.height = image.size

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * self.width, y * self.height) for x, y in points]

    def shape(self, fill: Colour, *points: tuple[float, float]) -> None:
        self.draw.polygon(self.at(*points), fill=fill)

    def oval(self, fill: Colour, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.draw.ellipse(self.at(start, end), fill=fill)

    def box(self, fill: Colour, start: tuple[float, float], end: tuple[float, float], rounding: float = 0) -> None:
        self.draw.rounded_rectangle(self.at(start, end), radius=rounding * self.height, fill=fill)

    def line(self, fill: Colour, thickness: float, *points: tuple[float, float]) -> None:
        self.draw.line(self.at(*points), fill=fill, width=max(1, round(thickness * self.height)), joint="curve")


def backdrop(image: Image.Image, pick: random.Random, *, is_dark: bool) -> None:
    """A wall and the table before it."""
    hue = pick.uniform(0, 360)
    wall = (
        (colour(hue, 0.3, 0.2), colour(hue + 20, 0.3, 0.32))
        if is_dark
        else (colour(hue, 0.3, 0.84), colour(hue, 0.25, 0.72))
    )
    image.paste(gradient(image.size, *wall))
    table = colour(pick.uniform(20, 40), 0.35, 0.25 if is_dark else 0.5)
    Pen(image).box(table, (0, 0.8), (1, 1))


def table_lamp(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=True)
    x = pick.uniform(0.38, 0.62)
    glow(image, (x, 0.42), 0.5)
    pen, shade = Pen(image), colour(pick.uniform(0, 360), 0.45, 0.66)
    pen.line(BRASS, 0.02, (x, 0.5), (x, 0.8))
    pen.oval(BRASS, (x - 0.09, 0.77), (x + 0.09, 0.83))
    pen.shape(shade, (x - 0.07, 0.25), (x + 0.07, 0.25), (x + 0.15, 0.52), (x - 0.15, 0.52))
    pen.oval(WARM, (x - 0.15, 0.5), (x + 0.15, 0.54))


def pendants(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=True)
    hue = pick.uniform(0, 360)
    for place, x in enumerate((0.24, 0.5, 0.76)):
        drop = pick.uniform(0.24, 0.46)
        glow(image, (x, drop + 0.1), 0.3)
        pen = Pen(image)
        pen.line(INK, 0.008, (x, 0), (x, drop))
        pen.shape(
            colour(hue + place * 25, 0.5, 0.55),
            (x - 0.03, drop),
            (x + 0.03, drop),
            (x + 0.1, drop + 0.13),
            (x - 0.1, drop + 0.13),
        )
        pen.oval(WARM, (x - 0.1, drop + 0.11), (x + 0.1, drop + 0.15))


def bulb(image: Image.Image, pick: random.Random) -> None:
    hue = pick.uniform(200, 280)
    image.paste(gradient(image.size, colour(hue, 0.4, 0.12), colour(hue + 30, 0.35, 0.26)))
    glow(image, (0.5, 0.42), 0.45)
    pen = Pen(image)
    pen.oval((255, 240, 205), (0.39, 0.22), (0.61, 0.58))
    pen.box((150, 150, 156), (0.455, 0.55), (0.545, 0.72), 0.02)
    for y in (0.59, 0.63, 0.67):
        pen.line((100, 100, 108), 0.008, (0.455, y), (0.545, y))
    zigzag = [(0.45 + step * 0.02, 0.36 + 0.04 * (step % 2)) for step in range(6)]
    pen.line((240, 150, 60), 0.008, *zigzag)


def cable(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=False)
    pen, sleeve = Pen(image), colour(pick.uniform(0, 360), 0.55, 0.42)
    height, waves, drift = pick.uniform(0.05, 0.11), pick.uniform(1.5, 3), pick.uniform(0, 6)
    bends = [(step / 60, 0.5 + height * math.sin(drift + waves * math.tau * step / 60)) for step in range(43)]
    pen.line(sleeve, 0.03, *bends)
    for start, end in zip(bends[::3], bends[1::3], strict=False):
        pen.line(colour(0, 0, 0.9), 0.006, start, end)
    x, y = bends[-1]
    pen.box(INK, (x, y - 0.07), (x + 0.12, y + 0.07), 0.03)
    for prong in (-0.035, 0.035):
        pen.box((170, 170, 175), (x + 0.12, y + prong - 0.012), (x + 0.19, y + prong + 0.012))


def parcel(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=False)
    pen, tilt = Pen(image), pick.uniform(-0.03, 0.03)
    pen.shape(colour(30, 0.4, 0.55), (0.25, 0.35), (0.7, 0.35 + tilt), (0.7, 0.85), (0.25, 0.85))
    pen.shape(colour(30, 0.4, 0.45), (0.7, 0.35 + tilt), (0.82, 0.27), (0.82, 0.75), (0.7, 0.85))
    pen.shape(colour(30, 0.4, 0.65), (0.25, 0.35), (0.37, 0.27), (0.82, 0.27), (0.7, 0.35 + tilt))
    pen.box(colour(40, 0.5, 0.75), (0.44, 0.35), (0.51, 0.85))
    pen.box((250, 250, 248), (0.54, 0.55), (0.67, 0.72))
    for stripe in range(9):
        pen.line(INK, pick.choice((0.004, 0.008)), (0.555 + stripe * 0.012, 0.6), (0.555 + stripe * 0.012, 0.69))


def broken_shade(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=False)
    pen, shade = Pen(image), colour(pick.uniform(0, 360), 0.35, 0.6)
    pen.shape(shade, (0.36, 0.2), (0.64, 0.2), (0.8, 0.7), (0.2, 0.7))
    crack = [(0.5 + pick.uniform(-0.06, 0.06), 0.2 + 0.1 * step) for step in range(6)]
    pen.line(INK, 0.012, *crack)
    for x, y in crack[1:4]:
        pen.line(INK, 0.006, (x, y), (x + pick.uniform(-0.14, 0.14), y + 0.07))
    pen.shape(shade, (0.3, 0.86), (0.37, 0.84), (0.35, 0.92))


def receipt(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=False)
    pen = Pen(image)
    pen.box((252, 251, 246), (0.3, 0.08), (0.7, 0.94), 0.01)
    pen.box(INK, (0.4, 0.14), (0.6, 0.19), 0.01)
    for row in range(8):
        y = 0.28 + row * 0.065
        pen.line((150, 148, 144), 0.014, (0.35, y), (0.35 + pick.uniform(0.1, 0.2), y))
        pen.line((110, 108, 104), 0.014, (0.6, y), (0.65, y))
    pen.line(INK, 0.02, (0.35, 0.86), (0.65, 0.86))


def swatches(image: Image.Image, pick: random.Random) -> None:
    image.paste(gradient(image.size, (246, 243, 238), (226, 220, 212)))
    pen, hue = Pen(image), pick.uniform(0, 360)
    for row in range(2):
        for column in range(4):
            left, top = 0.08 + column * 0.22, 0.12 + row * 0.42
            pen.box(
                colour(hue + 40 * column + 15 * row, 0.4, 0.45 + 0.2 * row),
                (left, top),
                (left + 0.18, top + 0.26),
                0.02,
            )
            pen.line((160, 156, 150), 0.012, (left, top + 0.31), (left + 0.11, top + 0.31))


def evening_room(image: Image.Image, pick: random.Random) -> None:
    backdrop(image, pick, is_dark=True)
    sky = gradient(
        (image.width // 3, image.height // 2), colour(pick.uniform(210, 250), 0.5, 0.25), colour(25, 0.6, 0.55)
    )
    image.paste(sky, (image.width // 12, image.height // 8))
    x = pick.uniform(0.66, 0.78)
    glow(image, (x, 0.3), 0.45)
    pen = Pen(image)
    pen.line(INK, 0.012, (x, 0.34), (x, 0.9))
    pen.oval(INK, (x - 0.07, 0.88), (x + 0.07, 0.92))
    pen.oval(WARM, (x - 0.09, 0.2), (x + 0.09, 0.4))
    sofa = colour(pick.uniform(0, 360), 0.3, 0.4)
    pen.box(sofa, (0.08, 0.66), (0.56, 0.92), 0.05)
    pen.box(sofa, (0.08, 0.56), (0.18, 0.92), 0.04)


SCENES: dict[str, Scene] = {
    "lamp": table_lamp,
    "pendants": pendants,
    "bulb": bulb,
    "cable": cable,
    "parcel": parcel,
    "broken": broken_shade,
    "receipt": receipt,
    "swatches": swatches,
    "room": evening_room,
}


def photo(scene: str, seed: int, width: int, height: int) -> Image.Image:
    """KeyError for a scene that nobody draws."""
    image = Image.new("RGB", (width * OVERSAMPLE, height * OVERSAMPLE))
    SCENES[scene](image, random.Random(seed))  # noqa: S311  a picture, not a secret
    return image.reduce(OVERSAMPLE)


def avatar(initials: str, hue: int, side: int) -> Image.Image:
    """Initials on a gradient; without initials a small lamp."""
    large = 400
    image = gradient((large, large), colour(hue, 0.55, 0.55), colour(hue + 40, 0.6, 0.38))
    if initials:
        font = ImageFont.load_default(170 if len(initials) > 1 else 230)
        ImageDraw.Draw(image).text((large / 2, large / 2), initials, font=font, fill=(255, 255, 255), anchor="mm")
    else:
        avatar_lamp(image)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def avatar_lamp(image: Image.Image) -> None:
    glow(image, (0.5, 0.6), 0.4)
    pen = Pen(image)
    pen.line((255, 255, 255), 0.015, (0.5, 0), (0.5, 0.3))
    pen.shape((255, 255, 255), (0.42, 0.28), (0.58, 0.28), (0.76, 0.6), (0.24, 0.6))
    pen.oval(WARM, (0.42, 0.54), (0.58, 0.7))


def default_avatar(side: int) -> Image.Image:
    """The grey figure of an account without a picture."""
    image = Image.new("RGB", (400, 400), (207, 217, 222))
    pen = Pen(image)
    pen.oval((83, 100, 113), (0.32, 0.18), (0.68, 0.54))
    pen.oval((83, 100, 113), (0.14, 0.6), (0.86, 1.3))
    return image.filter(ImageFilter.SMOOTH).resize((side, side), Image.Resampling.LANCZOS)
