// The set-up page: takes the token out of the address, and posts it with a name and a password.
"use strict";

const element = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get("token");
// It is not to stay in the history, nor where somebody sees it.
history.replaceState(null, "", location.pathname);

function say(text) {
  element("message").textContent = text;
}

async function send(event) {
  event.preventDefault();
  const password = element("password").value;
  if (password !== element("again").value) {
    say("The two passwords are not the same.");
    return;
  }
  element("send").disabled = true;
  say("One moment.");
  try {
    const response = await fetch("/api/v1/auth/setup", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, username: element("username").value, password }),
    });
    const answer = await response.json();
    if (response.ok) {
      element("form").remove();
      element("intro").textContent = "The user " + answer.username + " is made, and logged in.";
      say("This link does not work any more; log in with your name and password from now on.");
      return;
    }
    say("That did not work: " + answer.detail);
  } catch {
    say("The service did not answer. Try again.");
  }
  element("send").disabled = false;
}

if (token) {
  element("form").addEventListener("submit", send);
} else {
  element("form").remove();
  say("This link is not whole. Copy all of it, as the service printed it.");
}
