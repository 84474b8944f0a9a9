"use strict";

const docs = document.getElementById("docs");

SwaggerUIBundle({
  url: docs.dataset.openapi,
  domNode: docs,
  deepLinking: true,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  persistAuthorization: docs.dataset.rememberToken === "true",
  tryItOutEnabled: false,
  validatorUrl: null, // it would send the document to another host
});
