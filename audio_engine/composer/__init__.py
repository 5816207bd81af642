"""The composer: pure, seeded, without sound. `score.Composer` writes notes one beat ahead.

A note's `instrument` is a *role*; a place's palette says who plays it. The roles (`roles.USUAL`, with their
usual players):

- `pad`: four held voices, the harmony (held);
- `drone`: tonic and fifth, low (held; softer, and alone, in a composed pause);
- `bell`: the tune: the call, on the inhale (struck);
- `answer`: the tune's answer, on the exhale (struck);
- `texture`: the breath's figure, rising with the inhale, falling with the exhale, softly (struck);
- `pulse`: the beat (struck).
"""
