"""A server of voices: HTTP as OpenAI's programs speak it, Wyoming as Home Assistant does."""
