"""Short posts for the moderation stream, written for this demo. `[…]` stands where a real post would be ugly."""

from __future__ import annotations

from typing import Literal

Truth = Literal["fine", "spam", "insult", "hate_speech", "self_harm"]

POSTS: tuple[tuple[Truth, str], ...] = (
    ("fine", "The night train to Madgaon runs again from Monday; book early."),
    ("fine", "My sourdough finally rose. Warm kitchen, patient cook."),
    ("fine", "Does anybody know a good repair shop for an old harmonium?"),
    ("fine", "We painted the school fence with the children today."),
    ("fine", "The new library card works in all branches of the city."),
    ("fine", "Rain all week, and the frogs hold a concert every evening."),
    ("fine", "I disagree with the council on the bridge, and here is why."),
    ("fine", "Second-hand bicycle, blue, well kept; pick it up in Sector 9."),
    ("fine", "Our team lost by one goal and still sang on the bus home."),
    ("fine", "The clinic moved its opening hours to eight in the morning."),
    ("fine", "Lost: a grey umbrella with a wooden handle, near the museum."),
    ("fine", "The recipe wants two spoons of tamarind; one was enough for us."),
    ("fine", "A stupidly good mango season, I have eaten four today."),
    ("fine", "This deadline is killing me, but the thesis is nearly done."),
    ("fine", "Free seats at the open rehearsal tonight, come and listen."),
    ("fine", "The offer of help from the neighbours was worth more than money."),
    ("fine", "The chess club meets on Thursday; beginners are welcome."),
    ("fine", "Bus 14 is late again. I hate waiting in the sun."),
    ("fine", "Somebody left a box of books at the gate. Thank you!"),
    ("fine", "Five winners of the drawing contest hang in the town hall."),
    ("fine", "The well is deep and the water is sweet, says grandmother."),
    ("fine", "Our cat sleeps in the printer tray and nowhere else."),
    ("fine", "Please vote on the colour of the new benches until Friday."),
    ("fine", "The lecture on monsoon winds was clear and full of pictures."),
    ("spam", "Free money! Click the link and claim your prize now."),
    ("spam", "You are a winner. Claim the prize now, offer ends today."),
    ("spam", "Earn cash from home, click here, no work needed."),
    ("spam", "Limited offer: cheap watches, click the link in my profile."),
    ("spam", "Double your coins today, guaranteed, click and send first."),
    ("spam", "Free followers for everybody, claim yours through the link."),
    ("spam", "Guaranteed loan in one hour, click now, no questions."),
    ("spam", "Congratulations, your number won; send the fee to claim it."),
    ("insult", "You are a stupid […] and nobody wants you here."),
    ("insult", "What an idiot […], learn to read before you write."),
    ("insult", "Shut up, you […], your pictures are rubbish."),
    ("insult", "Only a stupid […] would cook rice like that."),
    ("insult", "Go away, idiot, your whole street laughs at you."),
    ("insult", "Your opinion is rubbish and so are you, […]."),
    ("hate_speech", "People from the far bank are all […] and should leave."),
    ("hate_speech", "Those […] of the other faith must not live in our street."),
    ("hate_speech", "All of them are […], do not sell to them."),
    ("hate_speech", "The hill people are […]; keep them out of the school."),
    ("self_harm", "I feel low every day and think nobody would miss me."),
    ("self_harm", "I do not want to go on, and I do not know whom to call."),
    ("self_harm", "Some nights I want to hurt myself and stop it all."),
    ("self_harm", "It would be better if I were gone, that is all I think."),
)

OPENINGS = ("", "Hello all. ", "By the way: ", "As I said yesterday: ", "News from our street: ", "Short one: ")
