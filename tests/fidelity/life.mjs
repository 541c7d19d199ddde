// The whole life of a voice in the official JavaScript SDK; what it saw is printed as JSON.
import { FishAudioClient } from "fish-audio";

const [url, key] = process.argv.slice(2);
const client = new FishAudioClient({ apiKey: key, baseUrl: url });
const file = (name) => new File([new Uint8Array(64)], name);
const refusal = async (call) => {
    try {
        await call;
        return null;
    } catch (error) {
        return { status: error.statusCode ?? null, body: error.body ?? null };
    }
};
const heard = async (stream) => {
    const pieces = [];
    for await (const piece of stream) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
};

const seen = {};
const fields = { title: "Narrator", visibility: "private", tags: ["a", "b"], description: "warm" };
const made = await client.voices.ivc.create({ ...fields, voices: [file("1.wav"), file("2.wav")] });
seen.made = made;
seen.found = await client.voices.get(made._id);
seen.listed = await client.voices.search({ self: true, tag: ["a,b"], page_size: 5, sort_by: "created_at" });
await client.voices.update(made._id, { title: "New", tags: ["c"], cover_image: file("c.png") });
seen.changed = await client.voices.get(made._id);
const speech = await client.textToSpeech.convert({ text: "Hello there.", reference_id: made._id, format: "mp3" });
seen.speech = (await heard(speech)).subarray(0, 2).toString("hex");
const reference = { audio: file("r.wav"), text: "one" };
const cloned = await client.textToSpeech.convert({ text: "Hello.", references: [reference], format: "wav" });
seen.cloned = (await heard(cloned)).subarray(0, 4).toString("latin1");
seen.credit = await client.user.get_api_credit();
seen.tooLong = await refusal(client.voices.search({ self: true, page_size: 101, sort_by: "age" }));
const stranger = new FishAudioClient({ apiKey: "wrong", baseUrl: url });
seen.wrongKey = await refusal(stranger.voices.search({ self: true }));
await client.voices.delete(made._id);
seen.gone = await refusal(client.voices.get(made._id));
seen.silent = await refusal(client.textToSpeech.convert({ text: "x", reference_id: made._id }));
console.log(JSON.stringify(seen));
