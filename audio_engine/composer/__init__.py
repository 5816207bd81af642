"""The composer: pure, seeded, without sound. `score.Composer` writes notes one beat ahead."""
