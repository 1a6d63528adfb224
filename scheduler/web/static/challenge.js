/* Works out the challenge in a form while its reader types, so that nobody waits for it. Where it cannot (in a page on
   plain http that is not on localhost, browsers keep WebCrypto back) the form is sent without: a few such forms are let
   in, as of those who have no JavaScript. */
(() => {
  const field = document.querySelector("input[data-challenge]");
  if (!field || !window.Worker || !window.isSecureContext) return;
  const { form } = field;
  const status = form.querySelector("[data-wait]");
  const challenge = JSON.parse(field.dataset.challenge);
  const worker = new Worker(field.dataset.worker);
  let working = true;
  let sender;
  field.value = "";

  const finish = (solution) => {
    if (!working) return;
    working = false;
    worker.terminate();
    if (solution) field.value = btoa(JSON.stringify({ challenge, solution }));
    status.textContent = "";
    if (sender !== undefined) form.requestSubmit(sender);
  };
  form.addEventListener("submit", (event) => {
    if (!working) return;
    event.preventDefault();
    sender = event.submitter;
    status.textContent = status.dataset.wait;
  });
  worker.onmessage = ({ data }) => finish(data);
  worker.onerror = () => finish(null);
  worker.postMessage({ challenge, timeout: 60000 });
})();
