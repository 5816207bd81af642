"""From the patient's speech to the guide's: listening, risk screen, thinking, speaking, skills.

Only here are torch and transformers imported. The machine's rooms share one set of processes.
"""
