/** Written for this project: what calibration reads where no data folder is at hand. Apache-2.0. */
export const OWN_TEXT = `
The harbour town of Veldmark grew around a salt market. In the early years the salt came by sledge over the frozen bay, and the traders who brought it stayed through the spring because the ice would no longer carry them home. They built storehouses of brick, then a church with a short tower, and at last a school, where the children of the traders learned to count barrels before they learned to read. When the railway reached the town in 1871, salt became cheap everywhere, and the storehouses stood empty for almost thirty years. A paper mill used two of them; the others were turned into flats after the second war.

Most bridges of that period were riveted, not welded. A rivet was heated until it glowed, thrown to the man on the scaffold, caught in a bucket and hammered flat while it was still red. As it cooled it shrank and pulled the plates together, so that the friction between them carried the load. Engineers of the time did not trust the rivet itself to carry anything. Modern tests have shown that they were right to be careful: in old bridges about one rivet in forty is loose.

Question: Why does bread rise?
Answer: Yeast eats the sugar in the dough and gives off carbon dioxide. The gas is caught in small bubbles, because gluten makes the dough elastic, and the bubbles grow. In the oven the gas expands further, the starch sets, and the loaf keeps its shape.

Question: How can I remember names better?
Answer: Repeat the name aloud when you hear it, tie it to something about the person, and use it once more before you part. Writing it down the same evening helps more than any trick.

The common swift spends nearly all of its life in the air. It eats, drinks, mates and even sleeps on the wing, and a young bird that has left the nest may not land again for two years. Its legs are so short that it can hardly take off from flat ground. Swifts return to the same nest every spring, and pairs usually stay together, although they spend the winter apart, somewhere over the forests of central Africa.

To replace the battery, first switch the device off and remove the four screws on its back. Lift the cover at the corner that is marked with an arrow. Disconnect the cable by pulling at the plug, never at the wires. The new battery must click into place; if it does not, turn it around. Close the cover, hold the power button for ten seconds, and wait until the green light stops blinking.

def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2

Instruction: Summarize the following message in one sentence.
Message: Hi all, the meeting on Thursday has to move because the large room is being painted. We will meet on Friday at ten in the small room on the second floor instead. Please bring the figures for October, and tell me if you cannot come.
Response: The Thursday meeting is moved to Friday at ten in the small room on the second floor, and everyone should bring the October figures.

A river that crosses a plain does not flow straight for long. Wherever the bank is a little softer, the water takes some of it away and lays it down again further along on the inner side of the next bend. The bend grows, the neck between two bends becomes narrow, and in some spring flood the river breaks through. What is left is a lake in the form of a horseshoe, which fills with reeds, then with mud, and after a few hundred years can only be seen from the air as a darker line in the fields.

Instruction: Give three reasons to plant trees along a street.
Response: 1. They cool the street in summer, both by their shade and by the water that their leaves give off. 2. They hold back rain water, which relieves the drains in a storm. 3. People like to walk where there are trees, so shops on such streets have more visitors.

In chess the opening is rarely where a game between beginners is decided. A player who develops the knights and bishops, castles early and does not move the same piece twice without need will reach a playable position whatever the opponent does. What costs games is the unprotected piece. Before each move it pays to ask two things: what does my opponent threaten, and what will I leave unguarded?

The first telephone exchange of the district had eleven subscribers. One operator, Marta Lind, knew all of them by voice and most of their business too. When the doctor was away from home she knew where to ring for him, and when the mill caught fire she woke the whole town without being asked. In 1924 an automatic exchange was put into the same room. It was faster, the newspaper wrote, but it knew nothing.

Question: What is the difference between weather and climate?
Answer: Weather is what happens in the air at a certain place and time, such as rain this afternoon. Climate is what the weather is like over many years: how warm the summers usually are, how much rain falls in a year, and how often it storms.

Glass is made of sand, soda and lime. Sand alone would do, but it melts only at about 1700 degrees; the soda lowers this to about 1000, and the lime keeps the glass from dissolving in water. Iron in the sand gives the green colour of old bottles. For clear glass the sand must be very pure, or something must be added that takes the colour away, such as manganese, which glassmakers used to call their soap.

Dear neighbours, on Saturday we celebrate my mother's eightieth birthday in the garden. There will be music until eleven, and perhaps a little later. If it becomes too loud, please ring the bell and have a piece of cake with us. We have asked for dry weather, but the tent is ready in case nobody listened.

A good test says in its name what it expects. When it fails a year later, on a machine that its author has never seen, the name is the first thing that the reader learns, and often the only thing. A test that is called after the function it calls says nothing that the code does not say. One that is called after the promise it checks tells the reader what was broken, and for whom.

The old map shows a village where the reservoir is today. Its forty houses were taken down stone by stone before the valley was flooded, and the people were given land on the plain, where the soil was better and the winters were milder. Many of them said later that they had been lucky. Still, in dry summers, when the water is low and the church steps come out of the mud, they drive up to the dam, stand at the railing for a while, and point.
`;
