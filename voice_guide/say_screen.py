"""Whether a model's sentence may be spoken to a patient: deny rules, per language. Pure.

In FREE mode every sentence passes here and the risk screen before it is spoken: `therapy.safety.admit` asks.
The rules are made to refuse too much: a refused sentence costs an approved line in its place. A language
without rules is never spoken freely. What the rules are after is what clinicians flag most in such models'
answers: unauthorised medical advice (CounselBench, arXiv 2506.08584), and what the VERA-MH rubric calls
boundaries (arXiv 2510.15297).
"""

from __future__ import annotations

import dataclasses
import re
import types
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from therapy.talk import Risk, RiskLevel

__all__ = ["LANGUAGES", "DenyRule", "SayScreen", "by_risk", "denied", "sentences"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DenyRule:
    """What must not be said, and how it is recognised in casefolded text with plain apostrophes."""

    what: str
    pattern: re.Pattern[str]


def _rule(what: str, *alternatives: str) -> DenyRule:
    return DenyRule(what=what, pattern=re.compile("|".join(f"(?:{a})" for a in alternatives)))


_ENGLISH: Final = (
    _rule(
        "medical advice",
        r"\b(?:medication|medicine|prescri\w+|dos(?:e|age|es|ing)|antidepress\w+|anti-?anxiety|benzo\w*|"
        r"ssris?|"
        r"xanax|valium|prozac|zoloft|lithium|insulin|opioids?|sertraline|diazepam|lorazepam|painkillers?|"
        r"supplements?|vitamins?|cbd|cannabis|alcohol|drugs?|pills?|tablets?|inhaler|ibuprofen|aspirin)\b",
        r"\b(?:stop|start|skip|increase|reduce|double|change|keep) taking\b",
        r"\b(?:see|call|ask|visit|go to|talk to) (?:a|your|the) (?:doctor|gp|physician|psychiatrist|"
        r"hospital|er)\b",
        r"\b(?:treatment|cure|cures|cured|heals?|healed|therapy) (?:for|of) (?:your|this|the|that)\b",
        r"\b(?:cure|heal|treat|fix) you\b",
        r"\bhold your breath\b",
        r"\bbreathe (?:faster|as fast|quickly|harder|rapidly)\b",
        r"\b(?:911|988|112|999|116 ?123)\b",
    ),
    _rule(
        "a diagnosis",
        r"\byou(?:'re| are| seem| may be| might be| could be) (?:\w+ ){0,2}(?:depressed|bipolar|psychotic|"
        r"manic|"
        r"paranoid|schizo\w*|autistic|traumati[sz]ed|dissociat\w+|suicidal|addicted|anorexic|mentally|"
        r"sick|ill|"
        r"crazy|insane|neurotic|delusional|hysterical)\b",
        r"\b(?:ptsd|adhd|ocd|gad|bpd|disorder|syndrome|schizophreni\w+|psychosis|bipolar|clinical depression|"
        r"diagnos\w+|symptoms? of|heart attack|stroke|seizure|epilep\w+|tumou?r|cancer)\b",
        r"\b(?:this|it|that) (?:is|was|sounds like|looks like) (?:just |only )?(?:a |an )?(?:panic attack|"
        r"anxiety attack|asthma|trauma|depression|anxiety)\b",
    ),
    _rule(
        "a promise",
        r"\b(?:i|we) (?:\w+ )?promise\b",
        r"\bguarantee\w*\b",
        r"\b(?:i|we)(?:'ll| will| am going to|'m going to) (?:always|never|make sure|cure|heal|fix|"
        r"protect|save|"
        r"keep you|stay|be there|be here|tell|call|contact|report|reach out)\b",
        r"\byou(?:'ll| will| are going to|'re going to) (?:be (?:fine|okay|ok|cured|healed|better|safe|"
        r"alright|"
        r"all right|happy)|get better|never|always|feel (?:better|great|fine|calm)|have a)\b",
        r"\beverything (?:will|is going to|is|'s going to) be\b",
        r"\b(?:nothing|no one|nobody) (?:bad )?(?:can|will|could) (?:happen|hurt|harm|touch)\b",
        r"\bit(?:'ll| will| is going to|'s going to) (?:be (?:fine|okay|ok|all right|alright|over)|stop|"
        r"go away|pass)\b",
        r"\b(?:always be|always here|always there|here for you|there for you|by your side|any ?time you)\b",
        r"\b(?:completely|totally|perfectly|absolutely|100 ?%|one hundred percent) safe\b",
        r"\b(?:confidential|between us|our secret|keep (?:this|it|that) (?:a )?secret|don't tell)\b",
    ),
    _rule(
        "words of a human being",
        r"\bi(?:'m| am) (?:a |an |your |also |really |just |only |not )*(?:human|person|people|man|woman|"
        r"therapist|"
        r"doctor|nurse|psycholog\w+|counsell?or|friend|real|mother|father|mom|mum|dad|robot|machine|bot)\b",
        r"\bi(?:'ve| have)? (?:also )?(?:been|gone|went|had|lost|suffer\w*|struggle\w*|grew|lived|"
        r"experienced|"
        r"felt|remember when|used to)\b",
        r"\b(?:when i was|in my (?:life|childhood|experience|own)|my (?:family|wife|husband|children|body|"
        r"heart|"
        r"mother|father|friends?|therapist|childhood|brother|sister|own))\b",
        r"\b(?:as|like) (?:a|your) (?:human|person|friend|therapist|doctor|mother|father|partner)\b",
        r"\b(?:language model|openai|chatgpt|assistant|training data|my (?:prompt|instructions|"
        r"programming))\b",
        r"\b(?:i love you|love me|i (?:need|want|miss|adore|like|hate) you|marry|kiss|sexy?|hug you)\b",
        r"\byou (?:only|just) need me\b|\bonly i (?:can|understand)\b",
    ),
    _rule(
        "a claim to see or feel",
        r"\bi(?:'m| am)? ?(?:can |could |do |also |really |just )*(?:see|feel|hear(?! (?:you|that)\b)|"
        r"sense|notice|smell|"
        r"watch|know|"
        r"understand|seeing|feeling|hearing|sensing|watching|looking|noticing)\b",
        r"\bi(?:'m| am) (?:so |very |really |truly |deeply |also )*(?:sorry|sad|happy|glad|proud|worried|"
        r"afraid|"
        r"scared|excited|hurt|tired|anxious|grateful|touched|concerned)\b",
        r"\byou (?:look|sound|seem|appear)\b",
        r"\byour (?:heart|pulse|blood pressure|breath(?:ing)?|body|face|eyes|voice|skin) (?:is|are|was|"
        r"looks?|"
        r"sounds?|seems?|tells?|shows?)\b",
        r"\byou(?:'re| are) (?:so |very |really |clearly |obviously |just )*(?:anxious|nervous|afraid|"
        r"scared|angry|"
        r"sad|stressed|tense|lying|upset|panicking|calm|relaxed|crying|overreacting|imagining)\b",
    ),
    _rule(
        "something harmful",
        r"\b(?:kill\w*|suicid\w*|self-?harm\w*|die|dying|death|dead|murder\w*|hang yourself|overdos\w*|"
        r"weapons?|"
        r"gun|knife|stab\w*|blood|rape\w*|abus\w+|hurt (?:yourself|him|her|them)|jump (?:off|from)|end it|"
        r"too much to bear|burden|drown\w*|suffocat\w*|choke|cut yourself|bomb)\b",
        r"\b(?:stupid|idiot|ugly|pathetic|weak|worthless|useless|hopeless|shut up|your (?:own )?fault|"
        r"get over|"
        r"calm down|man up|stop (?:crying|whining|complaining|it)|ridiculous|damn|hell|fuck\w*|shit\w*)\b",
        r"(?<!nothing )\byou (?:must|have to|need to|should|ought to|shouldn't|can't|cannot|mustn't|"
        r"are not allowed)\b",
        r"\b(?:close your eyes and (?:don't|do not)|don't (?:move|speak|breathe|tell|leave|stop|take off)|"
        r"(?:keep|leave) (?:the|your) headset on|stand up|get up|walk|run|drive)\b",
        r"\b(?:go back to|picture|imagine|relive|remember|think (?:about|of)) (?:the |that |your )(?:\w+ )?"
        r"(?:accident|trauma|attack|abuse|crash|rape|war|death|worst|pain)\b",
    ),
    _rule(
        "words about its own instructions",
        r"\b(?:system prompt|instructions?|json|schema|as an ai|prompt|ignore (?:all|previous|the)|"
        r"patient's words|"
        r"briefing|jailbreak|developer mode|override|admin)\b",
    ),
)

_GERMAN: Final = (
    _rule(
        "medical advice",
        r"\b(?:medikament\w*|medizin\w*|dosis|dosier\w*|rezept\w*|antidepress\w*|tablette\w*|pille\w*|"
        r"beruhigungsmittel|schlafmittel|schmerzmittel|alkohol|drogen?|cannabis|lithium|insulin|benzo\w*)\b",
        r"\b(?:arzt|ärztin|krankenhaus|klinik|notaufnahme|psychiater\w*|notruf)\b",
        r"\b(?:heil\w*|kurier\w*|behandl\w*)\b",
        r"\b(?:luft anhalten|halte?n? (?:sie |du )?(?:die|den) (?:luft|atem)|schneller atmen|"
        r"atme\w* (?:sie )?schneller)\b",
        r"\b(?:112|110|911|116 ?117)\b",
    ),
    _rule(
        "a diagnosis",
        r"\b(?:depress\w*|bipolar\w*|psychos\w*|psychotisch|manisch|paranoid|schizo\w*|autis\w*|"
        r"traumatisiert\w*|"
        r"suizid\w*|süchtig|ptbs|adhs|störung\w*|syndrom\w*|diagnos\w*|herzinfarkt|schlaganfall|epilep\w*|"
        r"panikattacke\w*|angstattacke\w*|krank\w*|verrückt)\b",
    ),
    _rule(
        "a promise",
        r"\b(?:versprech\w*|versprich\w*|garantier\w*|garantie)\b",
        r"\b(?:alles wird|wird alles|wird (?:schon )?gut|wird (?:es )?(?:dir|ihnen) (?:besser|gut))\b",
        r"\bich (?:werde|bin) (?:immer|für (?:dich|sie)|bei (?:dir|ihnen))\b",
        r"\b(?:immer für (?:dich|sie) da|niemand kann|nichts kann|vollkommen sicher|geheimnis|unter uns)\b",
    ),
    _rule(
        "words of a human being",
        r"\bich bin (?:ein |eine |dein |deine |ihr |ihre |auch |nur |kein |keine )*(?:mensch|person|"
        r"therapeut\w*|"
        r"arzt|ärztin|freund\w*|psycholog\w*|mann|frau|maschine|roboter|bot)\b",
        r"\b(?:als ich|in meine[rm]|meine? (?:familie|frau|mann|kinder|mutter|vater|herz|körper|freund\w*|"
        r"leben))\b",
        r"\bich (?:liebe|brauche|vermisse|hasse|will)\b",
        r"\bich habe (?:auch|früher|das erlebt|angst|gefühle|eine? |meine? )",
        r"\b(?:sprachmodell|ki-?modell|openai|chatgpt|assistent\w*)\b",
    ),
    _rule(
        "a claim to see or feel",
        r"\bich (?:kann )?(?:sehe|spüre|fühle|höre(?! (?:sie|dich|das|zu)\b)|merke|weiß|verstehe|rieche|"
        r"beobachte|bemerke)\b",
        r"\bich kann (?:\w+ ){0,4}(?:sehen|spüren|fühlen|hören|verstehen|merken)\b",
        r"\b(?:es tut mir leid|ich bin (?:so |sehr )?(?:traurig|froh|stolz|besorgt|glücklich))\b",
        r"\b(?:du (?:siehst|klingst|wirkst|scheinst)|sie (?:klingen|wirken|scheinen))\b",
        r"\bsie sehen (?:\w+ ){0,3}aus\b",
        r"\b(?:dein|deine|ihr|ihre) (?:herz|puls|blutdruck|atem|atmung|stimme|körper) (?:ist|sind|klingt|"
        r"schlägt)\b",
        r"\b(?:du bist|sie sind) (?:\w+ )?(?:ängstlich|nervös|wütend|gestresst|angespannt|aufgeregt|ruhig)\b",
    ),
    _rule(
        "something harmful",
        r"\b(?:töte\w*|umbring\w*|sterb\w*|tod|tot|mord\w*|waffe\w*|messer|blut|verletz\w*|missbrauch\w*|"
        r"spring\w*|"
        r"ertrink\w*|erstick\w*|selbstmord\w*)\b",
        r"\b(?:dumm|idiot\w*|hässlich|schwach|wertlos|hoffnungslos|halt den mund|selbst schuld|reiß dich|"
        r"beruhige dich|scheiß\w*|verdammt)\b",
        r"\b(?:du musst|sie müssen)\b(?!.{0,40}\bnicht)",
        r"\b(?:du sollst|du solltest|sie sollten|du darfst nicht|sie dürfen nicht)\b",
        r"\bsteh(?:en sie)? auf\b",
    ),
    _rule("words about its own instructions", r"\b(?:anweisung\w*|json|schema|prompt|ignorier\w*)\b"),
)

#: Language → what must not be said in it.
_RULES: Final[Mapping[str, tuple[DenyRule, ...]]] = types.MappingProxyType({"en": _ENGLISH, "de": _GERMAN})
#: Languages in which a model may speak freely at all.
LANGUAGES: Final = tuple(_RULES)

#: Most sentences, words a sentence, and repetitions of a run of words in one turn.
_MOST_SENTENCES: Final = 6
_MOST_WORDS: Final = 40
_RUN: Final = 3
#: Letters from which a sentence counts as the patient's own words.
_LEAST_ECHO: Final = 12
_MOST_RUNS: Final = 2
_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-"})
_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+")


def sentences(text: str) -> list[str]:
    """Return the sentences of `text`, trimmed, none empty."""
    return [part for part in (piece.strip() for piece in _END.split(text)) if part]


def denied(sentence: str, language: str = "en") -> str:
    """Return why `sentence` may not be spoken, or "".

    Args:
        sentence: a model's words, any text.
        language: BCP 47 tag; its first part chooses the rules.
    """
    rules = _RULES.get(language.split("-", maxsplit=1)[0].casefold())
    if rules is None:
        return f"no screen for free words in language {language[:12]!r}: one of {', '.join(_RULES)}"
    strange = _strange(sentence)
    if strange:
        return strange
    plain = " ".join(unicodedata.normalize("NFKC", sentence).translate(_APOSTROPHES).casefold().split())
    # letters spaced or dotted apart ("k.i.l.l") are read as the word that they spell, too
    joined = re.sub(r"\b(\w)[\s.\-_*]+(?=\w\b)", r"\1", plain)
    for rule in rules:
        found = rule.pattern.search(plain) or rule.pattern.search(joined)
        if found is not None:
            return f"a model must not say {rule.what}: {found.group()[:40]!r}"
    return ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SayScreen:
    """The screen of a whole turn: `SayScreen(language="en", also=risk)(text)` says why not, or "".

    `also` is asked for each sentence: the risk screen, a clinic's own rules; each answers as `denied`.
    `heard` is what the patient said: small models like to say it back.
    """

    language: str = "en"
    also: tuple[Callable[[str], str], ...] = ()
    heard: str = ""

    def __call__(self, text: str) -> str:
        """Return why `text` may not be spoken, or ""."""
        parts = sentences(text)
        if not 0 < len(parts) <= _MOST_SENTENCES:
            return f"a model says 1…{_MOST_SENTENCES} sentences in a turn, got {len(parts)}"
        looped = _looped(text)
        if looped:
            return looped
        heard = _bare(self.heard)
        if any(len(bare) >= _LEAST_ECHO and bare in heard for bare in map(_bare, parts)):
            return "a model must not say the patient's own words back"
        for part in (*parts, text):  # the whole too: a rule may reach across a full stop
            for screen in (self._denied, *self.also):
                because = screen(part)
                if because:
                    return because
        return ""

    def _denied(self, sentence: str) -> str:
        if len(sentence.split()) > _MOST_WORDS * (
            1 if sentences(sentence) == [sentence] else _MOST_SENTENCES
        ):
            return f"a sentence has at most {_MOST_WORDS} words, has {len(sentence.split())}"
        return denied(sentence, self.language)


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def by_risk(assess: Callable[[str], Risk]) -> Callable[[str], str]:
    """Return a screen for `SayScreen.also`: what the risk screen finds anything in is not said."""

    def screen(sentence: str) -> str:
        risk = assess(sentence)
        if risk.level is RiskLevel.NONE:
            return ""
        return f"a model must not say what the risk screen finds {risk.level.value}: {risk.kind}"

    return screen


def _strange(text: str) -> str:
    """Return why `text` is not plain writing in Latin letters, or ""."""
    letters = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if category.startswith("L"):
            letters += 1
            if "LATIN" not in unicodedata.name(character, ""):
                return f"a model's words must be in Latin letters, hold U+{ord(character):04X}"
        elif category.startswith(("M", "C")) or category in ("So", "Sk", "Sm", "Zl", "Zp"):
            return f"a model's words must be plain writing, hold U+{ord(character):04X}"
    if letters < 2 or letters < len(text) / 2:
        return f"a model's words must be words, got {letters} letters in {len(text)} characters"
    return ""


def _looped(text: str) -> str:
    """Return which run of words comes again and again, or ""."""
    words = [word.strip(".,;:!?…\"'()").casefold() for word in text.split()]
    counts: dict[tuple[str, ...], int] = {}
    for at in range(len(words) - _RUN + 1):
        run = tuple(words[at : at + _RUN])
        counts[run] = counts.get(run, 0) + 1
        if counts[run] > _MOST_RUNS:
            return f"a model's words must not go round, say {' '.join(run)[:40]!r} {counts[run]} times"
    return ""
