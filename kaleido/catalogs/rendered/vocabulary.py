"""What each attribute value is called in a text, and which parts it is about.

The one table that the text generator writes from and that an attribute scorer
of captions can read: `FORMS[attribute][value]` are the surface forms, in lower
case, and `PARTS[attribute]` the names of the parts whose pixels show it. A form
can lie within another one ("white" in "white sole"), so a reader of texts must
prefer the longest match.
"""

from __future__ import annotations

from typing import Dict, Tuple

# Hex value and names of each colour. The first name is the plain one.
COLORS: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "black": ("#24242a", ("black", "jet black")),
    "white": ("#f6f5f1", ("white", "optic white")),
    "grey": ("#92959c", ("grey", "heather grey")),
    "navy": ("#232f5c", ("navy", "midnight blue")),
    "blue": ("#2f66c4", ("blue", "cobalt blue")),
    "sky": ("#94c4ea", ("light blue", "sky blue")),
    "red": ("#cb2b30", ("red", "bright red")),
    "burgundy": ("#6d1c34", ("burgundy", "wine")),
    "pink": ("#f0a3bd", ("pink", "rose pink")),
    "green": ("#2c8a4f", ("green", "kelly green")),
    "olive": ("#6d7039", ("olive", "army green")),
    "beige": ("#d9c3a0", ("beige", "sand")),
    "brown": ("#74492c", ("brown", "chocolate")),
    "camel": ("#bd8748", ("camel", "tan")),
    "yellow": ("#f1c632", ("yellow", "lemon")),
    "orange": ("#e9742a", ("orange", "tangerine")),
    "purple": ("#71429c", ("purple", "violet")),
    "teal": ("#1f8288", ("teal", "petrol")),
}
METALS: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "gold": ("#d8ac3e", ("gold-tone", "gold")),
    "silver": ("#c3c8d0", ("silver-tone", "silver")),
    "gunmetal": ("#4a4d55", ("gunmetal", "blackened")),
}


def color_hex(name: str) -> str:
    """Returns the hex value of a colour or metal."""
    return (COLORS.get(name) or METALS[name])[0]


def _colored(*phrases: str, palette=None) -> Dict[str, Tuple[str, ...]]:
    """Surface forms of a colour that is named together with what it colours."""
    return {
        value: tuple(phrase.format(name) for phrase in phrases for name in names)
        for value, (_, names) in (palette or COLORS).items()
    }


FORMS: Dict[str, Dict[str, Tuple[str, ...]]] = {
    "color": {value: names for value, (_, names) in COLORS.items()},
    "pattern": {
        "stripes": ("striped", "breton stripe"),
        "pinstripes": ("pinstriped", "pinstripe"),
        "checks": ("checked", "gingham"),
        "tartan": ("tartan", "plaid"),
        "dots": ("polka dot", "dotted"),
        "floral": ("floral", "flower print"),
        "chevron": ("chevron", "zigzag"),
        "argyle": ("argyle", "diamond"),
        "colorblock": ("colorblocked", "two-tone"),
        "leopard": ("leopard", "animal print"),
        "camo": ("camouflage", "camo"),
        "quilted": ("quilted", "diamond-quilted"),
    },
    "pattern_color": _colored("{} pattern", "pattern in {}", "{} motif"),
    "trim_color": _colored("{} trim", "trim in {}", "contrast {} edges"),
    "neckline": {
        "crew": ("crewneck", "crew neck", "round neck"),
        "v-neck": ("v-neck", "deep v-neck"),
        "scoop": ("scoopneck", "scoop neck"),
        "boat": ("boat neck", "bateau"),
        "square": ("square neck", "square-neck"),
        "henley": ("henley", "buttoned henley"),
        "mock": ("mock neck", "funnel neck"),
        "turtleneck": ("turtleneck", "roll neck"),
    },
    "collar": {
        "spread": ("spread collar", "classic point collar"),
        "band": ("band collar", "mandarin collar"),
        "camp": ("camp collar", "open notched collar"),
        "bow": ("pussy-bow collar", "self-tie bow at collar"),
        "stand": ("stand collar", "funnel collar"),
        "lapel": ("notched lapel collar", "peaked lapels"),
        "hood": ("hood", "drawstring hood"),
        "shearling": ("shearling collar", "fleece collar"),
        "rib": ("rib knit collar", "baseball collar"),
    },
    "sleeve": {
        "sleeveless": ("sleeveless",),
        "straps": ("spaghetti strap", "thin-strap"),
        "short": ("short sleeve", "short-sleeved"),
        "three-quarter": ("three-quarter sleeve", "elbow-length sleeve"),
        "long": ("long sleeve", "long-sleeved"),
    },
    "sleeve_shape": {
        "slim": ("slim sleeves", "fitted sleeves"),
        "bell": ("bell sleeves", "flared sleeves"),
        "balloon": ("balloon sleeves", "puff sleeves"),
    },
    "length": {
        "cropped": ("cropped", "waist-length"),
        "regular": ("hip-length",),
        "longline": ("longline", "elongated"),
        "mini": ("mini", "short-length"),
        "knee": ("knee-length",),
        "midi": ("midi", "mid-length"),
        "maxi": ("maxi", "floor-length"),
        "shorts": ("above-the-knee", "bermuda"),
        "ankle": ("ankle-length", "seven-eighths"),
        "full": ("full-length",),
    },
    "fit": {
        "slim": ("slim-fit", "fitted"),
        "regular": ("regular-fit", "straight-cut"),
        "oversized": ("oversized", "relaxed-fit"),
    },
    "silhouette": {
        "straight": ("straight", "pencil"),
        "a-line": ("a-line",),
        "flared": ("flared", "full"),
        "pleated": ("pleated", "accordion-pleated"),
        "tiered": ("tiered", "layered"),
    },
    "leg": {
        "skinny": ("skinny", "second-skin"),
        "straight": ("straight-leg",),
        "tapered": ("tapered", "carrot-leg"),
        "wide": ("wide-leg", "palazzo"),
        "flared": ("bootcut", "flared-leg"),
    },
    "knit": {
        "plain": ("fine knit", "flat knit"),
        "ribbed": ("ribbed knit", "rib knit"),
        "cable": ("cable knit", "aran knit"),
    },
    "pocket": {
        "chest": ("patch pocket at chest", "single breast pocket"),
        "two-chest": ("flap pockets at chest", "twin chest pockets"),
        "kangaroo": ("kangaroo pocket", "pouch pocket at waist"),
        "two-patch": ("patch pockets at front", "twin patch pockets"),
        "two-flap": ("flap pockets at waist", "twin flap pockets"),
        "two-zip": ("zippered pockets at waist", "slanted zip pockets"),
        "slant": ("slant pockets", "side-entry pockets"),
        "cargo": ("cargo pockets at legs", "bellows pockets at legs"),
        "front-zip": ("zippered pocket at face", "front zip pocket"),
        "front-patch": ("patch pocket at face", "open front pocket"),
    },
    "closure": {
        "buttons": ("button closure at front", "front buttons"),
        "double": ("double-breasted closure", "double-breasted buttons"),
        "zip": ("zip closure at front", "exposed front zip"),
        "snaps": ("snap closure at front", "press-stud front"),
        "fly": ("zip-fly", "button-fastened fly"),
        "drawstring": ("drawstring at waist", "drawcord waist"),
        "laces": ("lace-up closure", "laces at vamp"),
        "velcro": ("velcro straps", "grip-tape straps"),
        "elastic": ("elasticized gussets", "elastic side panels"),
        "side-zip": ("zip closure at side", "zippered side"),
        "buckles": ("buckled straps", "pin-buckle straps"),
        "flap": ("foldover flap", "flap closure"),
        "top-zip": ("zip closure at throat", "zippered top"),
        "clasp": ("kiss-lock clasp", "clasp at throat"),
    },
    "button_color": _colored("{} buttons", "buttons in {}"),
    "hardware": _colored("{} hardware", "{} metal fittings", palette=METALS),
    "graphic": {
        "star": ("star print", "star graphic"),
        "heart": ("heart print", "heart motif"),
        "circle": ("circle print", "round logo print"),
        "band": ("stripe band at chest", "chest stripes"),
        "triangle": ("triangle print", "geometric triangle graphic"),
        "flower": ("daisy print", "flower graphic"),
        "bolt": ("lightning print", "bolt graphic"),
    },
    "graphic_color": _colored("graphic in {}", "{} artwork"),
    "belt": {
        "belt": ("buckled belt at waist", "belted waist"),
        "sash": ("bow sash at waist", "tied sash"),
    },
    "belt_color": _colored("{} belt", "belt in {}"),
    "waist": {
        "plain": ("clean waistband", "faced waistband"),
        "loops": ("belt loops", "belt loops at waistband"),
        "elastic": ("elasticized waistband", "gathered waistband"),
    },
    "hem": {
        "straight": ("straight hem",),
        "curved": ("curved hem", "shirttail hem"),
        "ruffle": ("ruffled hem", "frill hem"),
        "fringe": ("fringed hem", "fringe at hem"),
        "turn-up": ("turn-up cuffs", "rolled cuffs"),
        "band": ("banded hem", "border at hem"),
    },
    "slit": {"slit": ("slit at hem", "thigh slit")},
    "side_stripe": _colored("{} side stripe", "side stripe in {}"),
    "knee": {
        "ripped": ("ripped knees", "distressing at knees"),
        "patch": ("knee patches", "patched knees"),
    },
    "toe": {
        "round": ("round toe", "rounded toe"),
        "pointed": ("pointed toe", "pointy toe"),
        "square": ("square toe", "squared-off toe"),
        "cap": ("rubber cap toe", "contrast toe cap"),
        "perforated": ("perforated toe", "perforations at toe"),
        "peep": ("peep toe", "open toe"),
    },
    "sole": {
        "flat": ("flat sole", "low-profile sole"),
        "chunky": ("chunky sole", "thick treaded sole"),
        "platform": ("platform sole", "flatform sole"),
    },
    "sole_color": _colored("{} sole", "sole in {}"),
    "top_height": {
        "low": ("low-top", "low-cut"),
        "mid": ("mid-top", "mid-cut"),
        "high": ("high-top", "high-cut"),
    },
    "shaft": {
        "ankle": ("ankle-high", "ankle"),
        "calf": ("mid-calf", "calf-high"),
        "knee": ("knee-high", "tall"),
    },
    "stripe": {
        "single": ("diagonal stripe at side", "single side stripe"),
        "triple": ("three stripes at side", "triple side stripes"),
        "wave": ("wave logo at side", "curved side logo"),
        "star": ("star patch at side", "star at side"),
    },
    "stripe_color": _colored("logo in {}", "{} side logo"),
    "heel_tab": _colored("{} heel tab", "heel tab in {}"),
    "heel": {
        "flat": ("flat heel", "low stacked heel"),
        "block": ("block heel", "chunky heel"),
        "stiletto": ("stiletto heel", "slender heel"),
        "wedge": ("wedge heel", "sculpted wedge"),
        "kitten": ("kitten heel", "small slim heel"),
    },
    "heel_color": _colored("{} heel", "heel in {}"),
    "cuff": {
        "fur": ("faux-fur cuff", "fluffy cuff"),
        "fold": ("foldover cuff", "turned-down cuff"),
    },
    "strap": {
        "ankle": ("ankle strap", "strap at ankle"),
        "mary-jane": ("mary jane strap", "strap at vamp"),
        "t-bar": ("t-bar strap", "t-strap"),
    },
    "ornament": {
        "bow": ("bow at vamp", "grosgrain bow"),
        "flower": ("rosette at vamp", "flower applique"),
        "buckle": ("buckle at vamp", "square buckle ornament"),
    },
    "platform": {"platform": ("covered platform", "platform front")},
    "shape": {
        "tote": ("tote", "trapeze"),
        "satchel": ("satchel", "structured"),
        "bucket": ("bucket", "drum"),
        "hobo": ("hobo", "slouchy"),
        "round": ("round", "circular"),
    },
    "handle": {
        "single": ("single carry handle", "top handle"),
        "double": ("twin carry handles", "double handles"),
        "chain": ("chain strap", "curb chain strap"),
        "shoulder": ("shoulder strap", "crossbody strap"),
    },
    "tassel": {
        "tassel": ("tassel charm", "fringed tassel"),
        "ball": ("pom-pom charm", "fur pom-pom"),
        "tag": ("luggage tag", "hanging leather tag"),
    },
    "base": {
        "studs": ("studded base", "studs at base"),
        "panel": ("reinforced base panel", "contrast base panel"),
    },
    "logo": {
        "plate": ("metal logo plaque", "logo plate at face"),
        "stamp": ("stamped emblem", "round emblem at face"),
    },
}

# A form may speak of several parts; all of whole-garment attributes are "body".
PARTS: Dict[str, Tuple[str, ...]] = {
    "color": ("body",), "pattern": ("body",), "pattern_color": ("body",),
    "length": ("body",), "fit": ("body",), "silhouette": ("body",),
    "knit": ("body",), "leg": ("body",), "shape": ("body",),
    "top_height": ("body",), "shaft": ("body",),
    "trim_color": ("cuff", "hem", "neckline", "collar", "trim"),
    "neckline": ("neckline",), "collar": ("collar",),
    "sleeve": ("sleeve",), "sleeve_shape": ("sleeve",),
    "pocket": ("pocket",), "closure": ("closure",),
    "button_color": ("closure",), "hardware": ("closure", "hardware"),
    "graphic": ("graphic",), "graphic_color": ("graphic",),
    "belt": ("belt",), "belt_color": ("belt",), "waist": ("waistband",),
    "hem": ("hem",), "slit": ("slit",), "side_stripe": ("side_stripe",),
    "knee": ("knee",), "toe": ("toe",), "sole": ("sole",),
    "sole_color": ("sole",), "stripe": ("side_logo",),
    "stripe_color": ("side_logo",), "heel_tab": ("heel_tab",),
    "heel": ("heel",), "heel_color": ("heel",), "cuff": ("cuff",),
    "strap": ("strap",), "ornament": ("ornament",), "platform": ("platform",),
    "handle": ("handle",), "tassel": ("tassel",), "base": ("base",),
    "logo": ("logo",),
}  # fmt: skip

# How a form that is an adjective becomes a noun phrase of its own sentence.
# Attributes that are missing here have forms that are noun phrases already.
PHRASES: Dict[str, Tuple[str, ...]] = {
    "pattern": ("{} pattern throughout", "{} design", "allover {} print"),
    "pattern_color": ("{} throughout", "{}"),
    "neckline": ("{} collar", "ribbed {} collar", "{} opening"),
    "sleeve": ("{} styling", "{} design"),
    "length": ("{} cut", "{} silhouette"),
    "fit": ("{} silhouette", "{} shape"),
    "silhouette": ("{} skirt", "{} shape"),
    "leg": ("{} cut", "{} silhouette"),
    "knit": ("{} construction", "{} texture"),
    "top_height": ("{} profile", "{} design"),
    "shaft": ("{} shaft", "{} silhouette"),
    "shape": ("{} silhouette", "{} construction"),
}
